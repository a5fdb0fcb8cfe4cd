/** White space and comments. */
const gap = String.raw`(?:\s|\/\*[^]*?\*\/|\/\/.*)*`;
const beforeName = new RegExp(String.raw`^(?:(?:async|get|set|static)(?![\w$]))?${gap}\*?${gap}(?=[[#])`);
/** What may contain brackets that are none: comments and texts. Words count as one token. */
const token = /\/\*[^]*?\*\/|\/\/.*|'(?:\\[^]|[^'\\])*'|"(?:\\[^]|[^"\\])*"|[\w$\u0080-\uffff]+|[^]/y;
const regularExpression = /\/(?:\\.|\[(?:\\.|[^\]\\])*\]|[^/\\[])+\//y;
/** The end of a value, after which `/` divides. */
const value = /^['"`)\]}]|^(?!(?:typeof|void|new|delete|in|instanceof|yield|await)$)[\w$\u0080-\uffff]/;

/**
 * Replaces a computed or private name of a method in its text. A computed name may use names from outside, and private names exist only in
 * their class.
 */
export function withPlainName(text: string): string {
  const start = beforeName.exec(text)?.[0].length;
  if (start === undefined) return text;
  const end = text[start] === '#' ? start + /^#[^\s(/]+/.exec(text.slice(start))![0].length : endOfBracket(text, start);
  return `${text.slice(0, start)} method${text.slice(end)}`;
}

/** The index after the bracket that closes the one at `start`. */
function endOfBracket(text: string, start: number): number {
  let depth = 0;
  let last = '';
  for (let index = start; index < text.length;) {
    if (text[index] === '`') {
      index = endOfTemplate(text, index);
      last = '`';
      continue;
    }
    const found = (!value.test(last) && match(regularExpression, text, index)) || match(token, text, index)!;
    index += found.length;
    if (/^\s|^\/[/*]/.test(found)) continue;
    last = found;
    if ('[({'.includes(found)) depth++;
    else if ('])}'.includes(found) && --depth === 0) return index;
  }
  return text.length;
}

/** The index after the template that begins at `start`. */
function endOfTemplate(text: string, start: number): number {
  for (let index = start + 1; index < text.length; index++) {
    if (text[index] === '`') return index + 1;
    if (text[index] === '\\') index++;
    else if (text.startsWith('${', index)) index = endOfBracket(text, index + 1) - 1;
  }
  return text.length;
}

function match(pattern: RegExp, text: string, index: number): string | undefined {
  pattern.lastIndex = index;
  return pattern.exec(text)?.[0];
}
