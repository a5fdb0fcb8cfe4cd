import {isCount, isObject, isText} from './checks.js';
import type {ServiceFrame} from './frames.js';

/** Whether a value has the form of a service frame. */
export const isServiceFrame = (frame: unknown): frame is ServiceFrame => isObject(frame) && isText(frame['peer']) && isCount(frame['channel']);
