import json1 from 'ot-json1';
import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import {type as presenceTestType} from 'sharedb/test/client/presence/presence-test-type.js';

/** The types of the contract's documents beside json0. */
for (const type of [richText.type, json1.type, presenceTestType]) types.register(type as never);
