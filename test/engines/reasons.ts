/** Why some cases are impossible in some engines. */

export const noWorkerCommand = 'Firefox and WebKitGTK have no command that ends a worker';
export const noWorkerToKill = 'An elected tab is host in its page: what ends the host is the end of that tab, which has cases of its own';
export const noCrash = 'WebKitGTK\'s driver ends its session, and with it every tab, when one tab crashes';
export const noDisk = 'WebKitGTK\'s driver starts a browser that keeps nothing on disk';
export const noFreeze = 'Firefox and WebKitGTK have no command that freezes a page';
export const noOfflineCommand = 'Firefox and WebKitGTK have no command that takes the network from a page and its workers';
export const noHeap = 'Firefox and WebKitGTK have no command that tells of the heap';
export const noPagehide = 'Firefox ends a page by command without `pagehide` now and then: as in a crash, a page that hosts takes its last moment along';

export const sameServerCode = 'What a host does with its server is the same code wherever the host is';
export const noHostingInFrames = 'A page that can share nothing elects nobody, either';
export const noBlocking = 'WebKitGTK\'s driver has no setting that blocks the data of sites';

/** A known limit of this library and not of an engine: see docs/limits.md. */
export const postedTooLate = 'A page that hosts, and crashes, may have sent to the server what no other tab has been told yet';
