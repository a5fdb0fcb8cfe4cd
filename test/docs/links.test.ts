import {expect} from 'chai';
import {existsSync, readFileSync, readdirSync} from 'node:fs';
import {dirname, join, relative} from 'node:path';
import {fileURLToPath} from 'node:url';

const root = fileURLToPath(new URL('../..', import.meta.url));
const pages = ['README.md', 'CONTRIBUTING.md', 'SECURITY.md', 'CHANGELOG.md', 'llms.txt', 'lib/README.md', 'test/README.md', 'bench/README.md',
  ...readdirSync(join(root, 'examples')).map(name => `examples/${name}/README.md`), ...readdirSync(join(root, 'docs')).filter(name => name.endsWith('.md')).map(name => `docs/${name}`)];

/** As GitHub makes them of headings; and those that a page names itself. */
function anchorsOf(markdown: string): Set<string> {
  const headings = withoutCode(markdown).matchAll(/^#+ (.+)$/gm);
  const own = markdown.matchAll(/<a id="([^"]+)">/g);
  const slug = (heading: string): string => heading.trim().toLowerCase().replace(/\[([^\]]*)\]\([^)]*\)/g, '$1').replace(/[^\p{L}\p{N}\s_-]/gu, '').replace(/\s/g, '-');
  return new Set([...[...headings].map(([, heading]) => slug(heading!)), ...[...own].map(([, id]) => id!)]);
}

const withoutCode = (markdown: string): string => markdown.replace(/^```[^]*?^```$/gm, '').replace(/`[^`\n]*`/g, code => code.slice(1, -1).replace(/[[\]()#]/g, ''));

describe('the documentation', () => {
  for (const page of pages) {
    it(`has no dead link: ${page}`, () => {
      const markdown = readFileSync(join(root, page), 'utf8');
      const dead: string[] = [];
      for (const [, target] of withoutCode(markdown).matchAll(/\]\(([^)\s]+)\)/g)) {
        if (/^[a-z]+:/.test(target!)) continue;
        const [file, anchor] = target!.split('#');
        const path = file ? join(dirname(join(root, page)), file) : join(root, page);
        if (!existsSync(path)) dead.push(`${target}: there is no ${relative(root, path)}`);
        else if (anchor && path.endsWith('.md') && !anchorsOf(readFileSync(path, 'utf8')).has(anchor)) dead.push(`${target}: there is no such heading`);
      }
      expect(dead).to.eql([]);
    });
  }

  it('is reached from the README', () => {
    const readme = readFileSync(join(root, 'README.md'), 'utf8');
    expect(pages.filter(page => page.startsWith('docs/') && !readme.includes(`(${page})`))).to.eql([]);
  });
});
