export type Loaders = Record<string, never>;
export function createLoaders(_services: unknown, _actor: unknown): Loaders {
  return {};
}
