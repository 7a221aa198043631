/** Few numbers of which some are noise: medians and ratios, and how a person likes to read them. */

export function median(values: readonly number[]): number {
  if (values.length === 0) return Number.NaN;
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2;
}

/** The median of one field of all of them. */
export function medianOf<T>(items: readonly T[], field: (item: T) => number): number {
  return median(items.map(field));
}

/** Ours over theirs; undefined when one of them is missing. */
export function ratio(ours: number | undefined, theirs: number | undefined): number | undefined {
  if (!ours || !theirs || !Number.isFinite(ours) || !Number.isFinite(theirs)) return undefined;
  return ours / theirs;
}

/** Three significant digits: 5.02M, 102k, 850, 12.3, 0.18. */
export function short(value: number): string {
  if (value >= 999_500) return `${digits(value / 1e6)}M`;
  if (value >= 9_995) return `${digits(value / 1e3)}k`;
  if (value >= 999.5) return value.toFixed(0);
  return digits(value);
}

function digits(value: number): string {
  if (value >= 99.95) return value.toFixed(0);
  if (value >= 9.995) return value.toFixed(1);
  return value.toFixed(2);
}

export function times(value: number | undefined): string {
  return value === undefined ? '-' : `${digits(value)}x`;
}

/** 16 B, 1 KiB, 64 KiB, 128 MiB. */
export function bytes(size: number): string {
  if (size >= 1 << 20 && size % (1 << 20) === 0) return `${size >> 20} MiB`;
  if (size >= 1 << 10 && size % (1 << 10) === 0) return `${size >> 10} KiB`;
  return `${size} B`;
}

/** The slope of `values` over their whole length by least squares: how much they grow from first to last. */
export function growth(values: readonly number[]): number {
  const { length } = values;
  if (length < 2) return 0;
  const mean = values.reduce((sum, value) => sum + value, 0) / length;
  const middle = (length - 1) / 2;
  let above = 0;
  let below = 0;
  for (const [index, value] of values.entries()) {
    above += (index - middle) * (value - mean);
    below += (index - middle) ** 2;
  }
  return (above / below) * (length - 1);
}
