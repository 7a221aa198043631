/** The candidate most like `word`, if one is like it enough to be what was meant. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let bestDistance = Math.max(2, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    if (distance < bestDistance) [best, bestDistance] = [candidate, distance];
  }
  return best;
}

/** `; did you mean "x"?` or nothing. `synonyms`: what others call it, in lower case and without `_`. */
export function didYouMean(
  word: string,
  candidates: Iterable<string>,
  synonyms: Readonly<Record<string, readonly string[]>> = {},
): string {
  const key = word.toLowerCase().replaceAll('_', '');
  const meant = Object.hasOwn(synonyms, key) ? synonyms[key] : undefined;
  const known = [...candidates];
  const candidate = meant?.find((each) => known.includes(each)) ?? nearest(word, known);
  return candidate === undefined ? '' : `; did you mean "${candidate}"?`;
}

/** Insertions, deletions and substitutions (Levenshtein), one row at a time. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (let i = 1; i <= from.length; i++) {
    const next = [i];
    for (let j = 1; j <= to.length; j++) {
      const substitution = row[j - 1]! + (from[i - 1] === to[j - 1] ? 0 : 1);
      next.push(Math.min(row[j]! + 1, next[j - 1]! + 1, substitution));
    }
    row = next;
  }
  return row[to.length]!;
}
