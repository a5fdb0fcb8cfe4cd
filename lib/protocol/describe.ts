/** The kinds of messages and events. A timeline's filter offers them. */
export const KINDS = ['op', 'doc', 'query', 'presence', 'state', 'error', 'other'] as const;
export type Kind = (typeof KINDS)[number];

interface Message {
  a?: string;
  c?: string;
  d?: string;
  id?: unknown;
  ch?: string;
  v?: unknown;
  seq?: unknown;
  rev?: unknown;
  op?: unknown;
  create?: {type?: string};
  del?: unknown;
  b?: object;
  r?: unknown;
  data?: unknown;
  diff?: unknown[];
  more?: unknown[];
  own?: unknown;
  error?: {code?: unknown; message?: string} | undefined;
}

const NAMES: Record<string, [Kind, string]> = {
  op: ['op', 'op'],
  f: ['doc', 'fetch'], s: ['doc', 'subscribe'], u: ['doc', 'unsubscribe'],
  bf: ['doc', 'bulk fetch'], bs: ['doc', 'bulk subscribe'], bu: ['doc', 'bulk unsubscribe'],
  nf: ['doc', 'snapshot'], nt: ['doc', 'snapshot by time'],
  qf: ['query', 'query'], qs: ['query', 'query subscribe'], qu: ['query', 'query unsubscribe'], q: ['query', 'query change'],
  p: ['presence', 'presence'], ps: ['presence', 'presence subscribe'], pu: ['presence', 'presence unsubscribe'], pr: ['presence', 'presence request']
};

/** Describes a message of ShareDB or of this library in one line: its kind and what it concerns, without document data. */
export function describe(message: Message): {kind: Kind; text: string} {
  const {a = '?', c, d, id, ch, error} = message;
  const [kind, name] = (Object.hasOwn(NAMES, a) ? NAMES[a] : undefined) ?? [a.startsWith('doc.') ? 'doc' : 'other', a];
  const about = c !== undefined && d !== undefined ? `${c}/${d}` : ch !== undefined ? `channel ${ch}` : id !== undefined ? `#${String(id)}` : '';
  const parts = [name, about, ...details(message)];
  if (error) parts.push(`failed: ${String(error.code ?? '')} ${error.message ?? ''}`.trim());
  return {kind: error ? 'error' : kind, text: parts.filter(Boolean).join(' ')};
}

function details({a, c, d, v, seq, rev, op, create, del, b, data, diff, more, own}: Message): string[] {
  const parts: string[] = [];
  if (c !== undefined && d === undefined) parts.push(`in ${c}`);
  if (b) parts.push(`${Object.keys(b).length} documents`);
  if (typeof v === 'number') parts.push(`v${v}`);
  if (typeof rev === 'number') parts.push(`revision ${rev}`);
  if (create) parts.push(`creates ${create.type?.split('/').at(-1) ?? ''}`.trim());
  if (del) parts.push('deletes');
  if (Array.isArray(op)) parts.push(`${op.length} ${op.length === 1 ? 'component' : 'components'}`);
  if (more) parts.push(`and ${more.length} more`);
  if (own) parts.push('was placed');
  if (a === 'op' && typeof seq === 'number') parts.push(`seq ${seq}`);
  if (Array.isArray(data)) parts.push(`${data.length} results`);
  if (diff) parts.push(`${diff.length} changes`);
  return parts;
}
