// Goal: the workbench in memory keeps the contract of the port. Method: the check list.
import { memoryWorkbench } from '../../../src/adapters/workbench/memory.ts';
import { checkWorkbench } from '../../checks/workbench.ts';

checkWorkbench('in memory', memoryWorkbench);
