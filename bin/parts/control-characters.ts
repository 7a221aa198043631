/**
 * Characters that do something to a terminal instead of being shown: move its cursor, change its title, type for its
 * user, turn round the order of what is read. Newlines and tabs are what they are everywhere.
 */
// biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
export const UNSAFE = /(?!\r\n)[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]/g;

/** The text with `\x1b` and the like in the place of such characters. */
export function escapeControls(text: string): string {
  return text.replace(UNSAFE, (sign) => {
    const code = sign.charCodeAt(0).toString(16);
    return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, '0')}`;
  });
}
