import {expect} from 'chai';
import {JSDOM} from 'jsdom';
import {pictureOf} from '../../bench/pictures.js';
import type {Figure} from '../../bench/report.js';

describe('the picture of a benchmark scenario', () => {
  const measured = {p10: 1, p50: 2, p90: 4, count: 100};

  /** The texts of a picture, which must be well-formed XML: browsers show nothing of another one. */
  function textsOf(figures: Figure[]): string[] {
    const picture = pictureOf({title: 'An <edit>', figures})!;
    const {window} = new JSDOM(picture, {contentType: 'image/svg+xml'});
    return [...window.document.querySelectorAll('text')].map(text => text.textContent!.trim());
  }

  it('names the scenario, each figure and its first ratio', () => {
    const texts = textsOf([{what: 'plain', measured}, {what: 'tab & tab', measured, ratios: {plain: 1.5, bare: 3}}]);
    expect(texts).to.include.members(['An <edit>', 'plain', 'tab & tab', '1.50 × plain']);
  });

  it('has an axis for each unit', () => {
    const texts = textsOf([{what: 'a', measured}, {what: 'b', value: 7, unit: 'MB'}, {what: 'c', value: 3}]);
    expect(texts.filter(text => text.endsWith('→'))).to.eql(['ms →', 'MB →', 'number →']);
  });

  it('leaves out what a logarithmic axis cannot show', () => {
    expect(textsOf([{what: 'plain', measured}, {what: 'nothing', value: 0}])).to.include('plain').and.not.to.include('nothing');
    expect(pictureOf({title: 'All nothing', figures: [{what: 'nothing', value: 0}]})).to.equal(undefined);
    expect(pictureOf({title: 'Failed', failure: 'wrong result'})).to.equal(undefined);
  });
});
