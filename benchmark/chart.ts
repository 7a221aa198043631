/** Bar charts as SVG, without a library; readable on light and on dark ground. */

export interface Bar {
  label: string;
  value: number | undefined;
  /** What stands behind the bar. */
  text: string;
  /** Ours is seen first. */
  strong: boolean;
}

export interface Panel {
  title: string;
  bars: readonly Bar[];
}

/** Middle tones: enough contrast with white and with near-black. */
const INK = '#7d8590';
const OURS = '#e8710a';
const OTHERS = '#6c8ebf';

const COLUMNS = 2;
const WIDTH = 410;
const GUTTER = 30;
const LABEL = 112;
const VALUE = 84;
const BAR = 16;
const TITLE = 26;
const HEAD = 48;

/** Panels side by side, each with a scale of its own: bars are compared within a panel. */
export function barChart(title: string, subtitle: string, panels: readonly Panel[]): string {
  const height = (panel: Panel) => TITLE + panel.bars.length * (BAR + 4) + 14;
  const parts: string[] = [];
  let top = HEAD;
  for (let index = 0; index < panels.length; index += COLUMNS) {
    const line = panels.slice(index, index + COLUMNS);
    for (const [column, panel] of line.entries()) parts.push(drawn(panel, column * (WIDTH + GUTTER), top));
    top += Math.max(...line.map(height));
  }
  const width = COLUMNS * WIDTH + GUTTER;
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${top}" width="${width}" height="${top}" ` +
      `role="img" aria-label="${escaped(title)}" font-family="system-ui, sans-serif" font-size="12" fill="${INK}">`,
    text(0, 18, title, 'font-size="17" font-weight="600"'),
    text(0, 36, subtitle),
    ...parts,
    '</svg>',
    '',
  ].join('\n');
}

function drawn({ title, bars }: Panel, left: number, top: number): string {
  const most = Math.max(...bars.map(({ value }) => value ?? 0), Number.MIN_VALUE);
  const room = WIDTH - LABEL - VALUE;
  const lines = bars.map(({ label, value, text: behind, strong }, index) => {
    const y = top + TITLE + index * (BAR + 4);
    const length = Math.max(1, ((value ?? 0) / most) * room);
    const weight = strong ? 'font-weight="600"' : '';
    return [
      text(left + LABEL - 8, y + 12, label, `text-anchor="end" ${weight}`),
      value === undefined
        ? ''
        : `<rect x="${left + LABEL}" y="${y}" width="${length.toFixed(1)}" height="${BAR}" rx="2" ` +
          `fill="${strong ? OURS : OTHERS}"/>`,
      text(left + LABEL + (value === undefined ? 0 : length) + 6, y + 12, behind, weight),
    ].join('');
  });
  return [text(left, top + 14, title, 'font-size="13" font-weight="600"'), ...lines].join('\n');
}

function text(x: number, y: number, what: string, attributes = ''): string {
  return `<text x="${x.toFixed(1)}" y="${y}" ${attributes}>${escaped(what)}</text>`;
}

function escaped(what: string): string {
  return what
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;');
}
