import {isCount, isObject, isText} from './checks.js';
import type {ServiceFrame} from './frames.js';

/** What came as a frame, if it has the form of one. */
export const isServiceFrame = (frame: unknown): frame is ServiceFrame => isObject(frame) && isText(frame['peer']) && isCount(frame['channel']);
