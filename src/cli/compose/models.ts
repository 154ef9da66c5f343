/** The models that a process has loaded from the vault: each is checked once, by its checksum, on the way in. */
import { sha256 } from '../../adapters/digest.ts';
import { EspalierError } from '../../errors.ts';
import { decodeArtifact, encodeArtifact } from '../../model/artifact.ts';
import type { Model, ModelDraft, ModelId } from '../../model/model.ts';
import type { Vault } from '../../ports.ts';

export class Models {
  readonly #vault: Vault;
  readonly #loaded = new Map<ModelId, Model>();

  constructor(vault: Vault) { this.#vault = vault; }

  /** A loaded model. Throws model-unknown. */
  get(id: ModelId): Model {
    const model = this.#loaded.get(id);
    if (model === undefined) throw new EspalierError('model-unknown', `Model ${id.slice(0, 12)}.`);
    return model;
  }

  /** Loads a model from the vault. Throws vault-missing, vault-altered and the artifact errors. */
  async load(id: ModelId): Promise<Model> {
    const known = this.#loaded.get(id);
    if (known !== undefined) return known;
    const model = decodeArtifact(await this.#vault.get(id), sha256);
    if (model.id !== id) throw new EspalierError('vault-altered', `Model ${id.slice(0, 12)} is stored as ${model.id.slice(0, 12)}.`);
    this.#loaded.set(id, model);
    return model;
  }

  /** Stores a model and returns it with its id. Throws storage-full, storage-failed. */
  async store(draft: ModelDraft): Promise<Model> {
    const { id, bytes } = encodeArtifact(draft, sha256);
    await this.#vault.put(bytes);
    return this.load(id);
  }

  forget(id: ModelId): void { this.#loaded.delete(id); }
}
