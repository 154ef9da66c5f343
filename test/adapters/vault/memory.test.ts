// Goal: the vault in memory keeps the contract of the port. Method: the check list.
import { memoryVault } from '../../../src/adapters/vault/memory.ts';
import { checkVault } from '../../checks/vault.ts';

checkVault('in memory', memoryVault);
