import {expose} from 'sharedb-tabs/tasks/thread';

expose({add: (a: number, b: number) => a + b});
