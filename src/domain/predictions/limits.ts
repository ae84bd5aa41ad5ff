/** How much one prediction may carry. A caller who has more sends it in several predictions. */
export interface InputLimits {
  /** Bytes of all input tensors of a request, as the engine sees them. */
  readonly maxBytes: number;
  /** Rows of a request: its batch dimension. */
  readonly maxRows: number;
}

export const DEFAULT_INPUT_LIMITS: InputLimits = Object.freeze({ maxBytes: 64 * 1024 * 1024, maxRows: 4096 });

/** More mistakes than this are not listed: whoever made them all made one of another kind. */
export const MAX_MISTAKES = 50;

/** Inputs beyond those of the signature that are still compared with it, to say what is wrong with each. */
export const MAX_SURPLUS_INPUTS = 1_000;
