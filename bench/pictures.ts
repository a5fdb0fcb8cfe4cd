import {axisX, axisY, dot, plot, ruleY, text} from '@observablehq/plot';
import {JSDOM} from 'jsdom';
import type {Figure, Scenario} from './report.js';

const SVG = 'http://www.w3.org/2000/svg';
const INK = '#1b2130';
const WIDTH = 1000;
/** In pixels: the height of a figure's line, of a chart's axis and of the picture's title, and the width of the figures' names. */
const LINE = 22;
const AXIS = 50;
const TITLE = 36;
const LABELS = 480;

interface Row {
  what: string;
  from: number;
  to: number;
  middle: number;
  label: string;
}

/**
 * Draws a scenario: a dot at each median, and a line for the range of the middle 80 %. Figures of one unit share a chart and its axis, which is
 * logarithmic, because the reader compares ratios.
 * @returns the text of an SVG file; undefined if the scenario has no figures
 */
export function pictureOf({title, figures}: Scenario): string | undefined {
  const charts = [...byUnit(figures ?? [])].map(([unit, rows]) => ({unit, rows, height: rows.length * LINE + AXIS}));
  if (!charts.length) return undefined;
  const {document} = new JSDOM('').window;
  const picture = document.createElementNS(SVG, 'svg');
  let height = TITLE;
  for (const {unit, rows, height: own} of charts) {
    const chart = chartOf(document, unit, rows, own);
    chart.setAttribute('y', String(height));
    picture.append(chart);
    height += own;
  }
  const element = (name: string, attributes: object): Element => withAttributes(document.createElementNS(SVG, name), attributes);
  const heading = element('text', {x: 12, y: 24, 'font-size': 16, 'font-weight': 600, fill: INK});
  heading.textContent = title;
  picture.prepend(element('rect', {width: '100%', height: '100%', fill: 'white'}), heading);
  withAttributes(picture, {xmlns: SVG, width: WIDTH, height, viewBox: `0 0 ${WIDTH} ${height}`, 'font-family': 'system-ui, sans-serif'});
  return `${picture.outerHTML}\n`;
}

function withAttributes(element: Element, attributes: object): Element {
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, String(value));
  return element;
}

/** The figures above 0, which a logarithmic axis can show, by their unit. */
function byUnit(figures: readonly Figure[]): Map<string, Row[]> {
  const charts = new Map<string, Row[]>();
  for (const {what, measured, value, unit = measured ? 'ms' : 'number', ratios} of figures) {
    const middle = measured?.p50 ?? value;
    if (middle === undefined || !(middle > 0)) continue;
    const ratio = Object.entries(ratios ?? {}).map(([over, times]) => `${times.toFixed(2)} × ${over}`)[0];
    const row = {what, middle, from: Math.max(measured?.p10 ?? middle, middle / 1000), to: measured?.p90 ?? middle, label: ratio ?? ''};
    charts.set(unit, [...(charts.get(unit) ?? []), row]);
  }
  return charts;
}

function chartOf(document: Document, unit: string, rows: Row[], height: number): Element {
  return plot({
    document, width: WIDTH, height, marginLeft: LABELS, marginRight: 20, marginTop: 8, marginBottom: 40,
    style: {fontSize: '12px', color: INK},
    x: {type: 'log', label: unit, grid: true, domain: domainOf(rows)},
    y: {domain: rows.map(({what}) => what), label: null},
    marks: [
      axisX({ticks: 5, tickFormat: String}), axisY({lineWidth: 100, tickSize: 0}),
      ruleY(rows, {x1: 'from', x2: 'to', y: 'what', stroke: '#3355cc', strokeWidth: 2}),
      dot(rows, {x: 'middle', y: 'what', fill: '#3355cc', r: 4}),
      text(rows, {x: 'middle', y: 'what', text: 'label', dy: -9, fontSize: 9, fill: '#5a6272'})
    ]
  }) as Element;
}

/** At least a decade, so that small differences look small. */
function domainOf(rows: readonly Row[]): [number, number] {
  const least = Math.min(...rows.map(({from}) => from));
  const most = Math.max(...rows.map(({to}) => to));
  return [least / 1.5, Math.max(most * 1.5, least * 10)];
}
