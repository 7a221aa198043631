/** A password, which may have an @ in it, and one whose end has been cut off. */
const PASSWORD = /([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*:)\S*(?=@)/gi;
const PASSWORD_CUT = /([a-z][a-z0-9+.-]*:\/\/[^\s:@/]*:)\S*$/i;

/** A text without the passwords of URLs in it. `isCut`: it is the beginning of a longer one. */
export function withoutPasswords(text: string, isCut = false): string {
  const safe = text.replace(PASSWORD, '$1…');
  return isCut ? `${safe.replace(PASSWORD_CUT, '$1')}…` : safe;
}
