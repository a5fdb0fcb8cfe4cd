/** A part of a page: the text under a heading of the second level. */
export function section(markdown: string, heading: string): string {
  const parts = markdown.split(/^## /m);
  const found = parts.find(part => part.startsWith(`${heading}\n`));
  if (!found) throw new Error(`There is no heading "${heading}"`);
  return found;
}

/** The code blocks whose first line names a file, by that name. */
export function codeBlocks(markdown: string): Record<string, string> {
  const blocks = markdown.matchAll(/^```\w+\n(?:\/\/|<!--) (\S+\.\w+)(?: -->)?\n([^]*?)^```$/gm);
  return Object.fromEntries([...blocks].map(([, name, text]) => [name!, text!]));
}

/** The commands of the blocks of the shell, without their comments. */
export function commands(markdown: string): string[] {
  return [...markdown.matchAll(/^```sh\n([^]*?)^```$/gm)]
    .flatMap(([, text]) => text!.split('\n')).map(line => line.replace(/\s+#.*/, '').trim()).filter(line => line);
}
