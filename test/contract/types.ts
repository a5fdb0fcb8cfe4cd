import json1 from 'ot-json1';
import richText from 'rich-text';
import {types} from 'sharedb/lib/client/index.js';
import {type as presenceTestType} from 'sharedb/test/client/presence/presence-test-type.js';

/** The contract's OT types in addition to json0. */
for (const type of [richText.type, json1.type, presenceTestType]) types.register(type as never);
