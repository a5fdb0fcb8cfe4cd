/** Colours have a contrast of 4.5 to 1 or more on their backgrounds, in both schemes (WCAG 2, 1.4.3). */
export const STYLE = `
:host { display: block; color-scheme: light dark; font: 13px/1.5 system-ui, sans-serif;
  --back: #ffffff; --fore: #1b1b1f; --quiet: #55555f; --line: #d0d0d8; --accent: #0b57a4; --bad: #a3001b; --raised: #f3f3f6; }
@media (prefers-color-scheme: dark) {
  :host { --back: #1b1b1f; --fore: #ececf0; --quiet: #b4b4be; --line: #45454f; --accent: #8cc2ff; --bad: #ff9a9a; --raised: #29292f; }
}
:host([docked]) { position: fixed; inset: auto 0 0 0; z-index: 2147483000; block-size: 45vh; box-shadow: 0 -2px 12px #0006; }
section { background: var(--back); color: var(--fore); block-size: 100%; display: flex; flex-direction: column; }
header { display: flex; align-items: center; gap: 8px; padding: 6px 10px; border-block-end: 1px solid var(--line); flex-wrap: wrap; }
h2 { font-size: 13px; margin: 0 8px 0 0; } h3 { font-size: 13px; margin: 12px 0 4px; }
[role=tablist] { display: flex; gap: 2px; flex: 1; }
button, select, input { font: inherit; color: inherit; background: var(--raised); border: 1px solid var(--line); border-radius: 4px; padding: 2px 8px; min-block-size: 24px; }
button { cursor: pointer; } button:hover { border-color: var(--accent); }
[role=tab][aria-selected=true] { color: var(--accent); border-color: var(--accent); font-weight: 600; }
:focus-visible { outline: 2px solid var(--accent); outline-offset: 1px; }
[role=tabpanel] { padding: 8px 12px; overflow: auto; flex: 1; }
dl { display: grid; grid-template-columns: max-content 1fr; gap: 2px 16px; margin: 0; } dt { color: var(--quiet); } dd { margin: 0; overflow-wrap: anywhere; }
.scroll { overflow-x: auto; margin-block: 8px; }
table { border-collapse: collapse; inline-size: 100%; } caption { text-align: start; font-weight: 600; padding-block: 4px; }
th, td { text-align: start; padding: 2px 8px 2px 0; border-block-end: 1px solid var(--line); vertical-align: top; font-variant-numeric: tabular-nums; }
th { color: var(--quiet); font-weight: 500; } code, pre { font: 12px/1.4 ui-monospace, monospace; overflow-wrap: anywhere; white-space: pre-wrap; margin: 0; }
.error, .warning { color: var(--bad); } .empty { color: var(--quiet); } .actions { display: inline-flex; gap: 4px; }
label { display: inline-flex; gap: 4px; align-items: center; }
.filters { display: flex; gap: 12px; align-items: center; flex-wrap: wrap; }
`;
