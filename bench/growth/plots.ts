import {dot, line, plot} from '@observablehq/plot';
import {JSDOM} from 'jsdom';

/** One measurement at one size. */
export interface Point {
  /** The quantity that grows. */
  subject: string;
  size: number;
  what: string;
  value: number;
  unit: 'ms' | 'MB' | 'entries';
}

const WIDTH = 900;
const HEIGHT = 360;
const SVG = 'http://www.w3.org/2000/svg';

/** Draws a chart for each subject, with a line for each measurement. Both axes are logarithmic: linear growth is a line at 45 degrees. */
export function plotOf(points: readonly Point[]): string {
  const {document} = new JSDOM('').window;
  const picture = document.createElementNS(SVG, 'svg');
  const subjects = [...new Set(points.map(({subject}) => subject))];
  subjects.forEach((subject, i) => {
    const own = points.filter(point => point.subject === subject && point.value > 0)
      .map(({size, what, value, unit}) => ({size, value, what: `${what}, ${unit}`}));
    const chart = plot({
      document, width: WIDTH, height: HEIGHT, marginLeft: 60, marginRight: 330, marginBottom: 45, style: {fontSize: '12px', color: '#1b2130'},
      x: {type: 'log', label: subject, grid: true, tickFormat: 'd'}, y: {type: 'log', label: null, grid: true},
      color: {scheme: 'category10'},
      marks: [
        line(own, {x: 'size', y: 'value', stroke: 'what'}), dot(own, {x: 'size', y: 'value', fill: 'what'})
      ]
    }) as Element;
    chart.setAttribute('y', String(i * HEIGHT));
    picture.append(chart);
    // The chart's own legend is HTML, which an SVG file can't contain.
    [...new Set(own.map(({what}) => what))].forEach((what, row) => {
      const text = document.createElementNS(SVG, 'text');
      for (const [name, value] of Object.entries({x: WIDTH - 315, y: i * HEIGHT + 40 + row * 20, 'font-size': 12, fill: colorOf(chart, row)})) {
        text.setAttribute(name, String(value));
      }
      text.textContent = what;
      picture.append(text);
    });
  });
  const height = subjects.length * HEIGHT;
  for (const [name, value] of Object.entries({xmlns: SVG, width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, 'font-family': 'system-ui, sans-serif', style: 'background: white'})) {
    picture.setAttribute(name, String(value));
  }
  return `${picture.outerHTML}\n`;
}

/** The color of a chart's line. */
function colorOf(chart: Element, row: number): string {
  return chart.querySelectorAll('[aria-label="line"] path')[row]?.getAttribute('stroke') ?? '#1b2130';
}

/** A table: by how much each measurement grows while the size grows tenfold, between the two largest sizes. */
export function slopes(points: readonly Point[]): string {
  const rows = new Map<string, Point[]>();
  for (const point of points) {
    const key = `${point.subject} | ${point.what}`;
    rows.set(key, [...rows.get(key) ?? [], point]);
  }
  return ['| what grows | measured | values | growth at ten times the size |', '|---|---|---|---|', ...[...rows].map(([key, own]) => {
    const [before, last] = own.slice(-2) as [Point, Point];
    const exponent = Math.log(last.value / before.value) / Math.log(last.size / before.size);
    const values = own.map(({size, value, unit}) => `${size}: ${value.toPrecision(3)} ${unit}`).join(', ');
    return `| ${key} | ${values} | ${(10 ** exponent).toPrecision(2)} × |`;
  })].join('\n');
}
