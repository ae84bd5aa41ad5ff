export interface Fault {
  readonly name: string;
  readonly file: string;
  readonly find: string;
  readonly replace: string;
  readonly also?: readonly { readonly find: string; readonly replace: string }[];
  readonly tests: readonly string[];
  readonly defines?: string;
  readonly build?: boolean;
}

/** Why the fault cannot be planted in the project at `root` any more; `null` when it can. */
export function whyStale(root: string, fault: Fault): string | null;

/** Puts it in; the function that comes back takes it out. */
export function plant(root: string, fault: Pick<Fault, 'file' | 'find' | 'replace' | 'also'>): () => void;
