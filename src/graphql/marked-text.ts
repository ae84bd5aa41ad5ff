/** A text with marks in the places of what is filled in later. */
export interface MarkedText {
  /** Around the marks. */
  readonly parts: readonly string[];
  /** Which mark, by its number, follows each part but the last. */
  readonly marks: readonly number[];
}

/** Cuts a text at every occurrence of the marks: texts that are in nothing else, and none in another. */
export function cutAtMarks(text: string, marks: readonly string[]): MarkedText {
  const parts: string[] = [];
  const found: number[] = [];
  let from = 0;
  for (;;) {
    let at = -1;
    let which = -1;
    for (const [number, mark] of marks.entries()) {
      const next = text.indexOf(mark, from);
      if (next < 0 || (at >= 0 && next > at)) continue;
      at = next;
      which = number;
    }
    if (at < 0) break;
    parts.push(text.slice(from, at));
    found.push(which);
    from = at + (marks[which]?.length ?? 0);
  }
  parts.push(text.slice(from));
  return { parts, marks: found };
}

/** The text with `words[n]` in the places of the n-th mark. */
export function fillMarks({ parts, marks }: MarkedText, words: readonly string[]): string {
  let text = parts[0] ?? '';
  for (const [at, mark] of marks.entries()) text += `${words[mark] ?? ''}${parts[at + 1] ?? ''}`;
  return text;
}
