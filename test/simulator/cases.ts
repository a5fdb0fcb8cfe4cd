import type {Walk} from './walk.js';

/** `weight`: the share of this case in all walks. */
export type Case = Omit<Walk, 'seed' | 'edits'> & {weight?: number};

export const cases: Record<string, Case> = {
  'a quiet network': {},
  'a network that comes and goes': {outages: true},
  'sessions that break': {breaks: true, outages: true},
  'batches that are lost or come twice': {losses: true},
  'a server that rejects 5 % of the ops': {rejections: 5},
  'a server that refuses ops that remove, replace and move': {removals: true, rejections: 10, outages: true, weight: 2},
  'a host that dies while its server refuses such ops': {removals: true, rejections: 10, crashes: true, pagesDie: true},
  // Without outages: if an op is acknowledged only after a reconnect, the client does not get the server's additions. This is so in
  // ShareDB's own client.
  'a server that adds to ops, and is told of their sources': {removals: true, fixups: 20, sources: true, rejections: 3},
  'a server that is told of the sources of ops, over a network that comes and goes': {sources: true, rejections: 3, outages: true},
  'pages that go away and leave orphaned ops': {pagesGo: true, outages: true},
  'pages that die or close their connections': {pagesDie: true, breaks: true},
  'pages that freeze': {freezes: true, outages: true, pagesDie: true},
  // The death of a host is the case with the most possible faults.
  'a host that dies, and another one that takes over from the store': {crashes: true, outages: true, rejections: 2, weight: 2},
  'a host that dies, and pages that do': {crashes: true, pagesGo: true, pagesDie: true, freezes: true},
  'a host that dies, and the disk is emptied': {crashes: true, emptied: true, outages: true, weight: 2},
  'a host that lives on when another one has taken over': {usurpers: true, outages: true, weight: 2},
  'everything at once': {
    crashes: true, usurpers: true, pagesGo: true, pagesDie: true, freezes: true, breaks: true, losses: true, outages: true, weight: 2
  },
  'a server whose database is away now and then': {faults: true, outages: true},
  'a host that dies while its server\'s database is away': {faults: true, removals: true, crashes: true, freezes: true},
  'a server that deletes old ops': {trims: true, outages: true, freezes: true},
  'a host that dies while its server deletes old ops': {trims: true, crashes: true, outages: true, pagesDie: true},
  'a server that starts again with another database': {replacements: true, outages: true, freezes: true, weight: 0.7},
  'a host that dies while its server starts again with another database': {replacements: true, crashes: true, outages: true, pagesDie: true, weight: 0.7},
  'edits inside of what the other database of a server lacks': {replacements: true, nested: true, outages: true, freezes: true, pagesGo: true, weight: 0.5},
  'a host that dies, and edits inside of what the other database of a server lacks': {
    replacements: true, nested: true, crashes: true, outages: true, pagesDie: true, weight: 0.5
  },
  'local documents beside those of the server': {notes: true, crashes: true, pagesGo: true, pagesDie: true, freezes: true, breaks: true, outages: true},
  'local documents, and hosts that live on': {notes: true, usurpers: true, losses: true, breaks: true, outages: true},
  'a disk that is full, hangs or fails': {disks: true, crashes: true, outages: true},
  'a disk that fails, below hosts that all tell of edits before they write them': {disks: true, crashes: true, outages: true, durability: 'delayed'},
  'a host that dies, and a disk that can\'t read now and then': {unreadable: true, crashes: true, outages: true, pagesGo: true, pagesDie: true, weight: 2},
  'a computer that sleeps, so that timers are late': {sleeps: true, outages: true, freezes: true, pagesGo: true},
  'a host that dies on a computer that sleeps': {sleeps: true, crashes: true, breaks: true, pagesDie: true},
  'a slow server that does not tell of each op': {unpublished: 20, slow: true, fetchQueries: true, freezes: true, pagesDie: true},
  'a host that dies, and its slow server does not tell of each op': {unpublished: 20, slow: true, ciphers: true, crashes: true, breaks: true},
  'dead letters that are tried again': {rejections: 20, retries: true, outages: true, pagesDie: true},
  'dead letters that are tried again while hosts die': {rejections: 20, retries: true, crashes: true, freezes: true},
  'ops that are larger than the server takes': {rejections: 5, tooLarge: true, outages: true, pagesDie: true, weight: 0.5},
  'a host that dies, and ops that are larger than the server takes': {rejections: 5, tooLarge: true, crashes: true, freezes: true, weight: 0.5},
  'a server that closes WebSockets, or is silent over them': {webSockets: true, outages: true, rejections: 3, pagesDie: true, weight: 0.4},
  'a host that dies, and its server closes WebSockets, or is silent over them': {webSockets: true, crashes: true, outages: true, freezes: true, weight: 0.4},
  'documents that the user may not read for a while': {revocations: true, outages: true, pagesDie: true, fetchQueries: true, weight: 0.4},
  'a host that dies, and documents that the user may not read for a while': {revocations: true, crashes: true, outages: true, pagesGo: true, weight: 0.4},
  'a user who may not write some documents, or not read all ops': {permissions: true, outages: true, pagesDie: true, fetchQueries: true, weight: 0.4},
  'a host that dies, and a user who may not write some documents, or not read all ops': {permissions: true, crashes: true, outages: true, pagesGo: true, weight: 0.4},
  'transactions over plain documents': {transactions: true, outages: true, breaks: true, pagesDie: true, weight: 0.4},
  'transactions over plain documents, of which the server refuses some': {transactions: true, refusals: 20, outages: true, breaks: true, pagesDie: true, weight: 0.4},
  'a host that dies in the middle of transactions over plain documents': {transactions: true, crashes: true, outages: true, pagesGo: true, freezes: true, weight: 0.4},
  'documents that are also open through a projection': {projections: true, outages: true, freezes: true, pagesDie: true, weight: 0.4},
  'a host that dies, and documents that are also open through a projection': {projections: true, crashes: true, outages: true, pagesGo: true, weight: 0.4},
  'pages that the server has put states into': {rendered: true, outages: true, pagesGo: true, pagesDie: true, weight: 0.5},
  'a host that dies, and pages that show first what is stored, or was put into them': {rendered: true, storedFirst: true, crashes: true, outages: true, pagesGo: true, weight: 0.5},
  'a host that dies, and its cipher fails now and then': {ciphers: true, cipherFaults: true, crashes: true, outages: true, pagesDie: true, weight: 0.5},
  'users who sign out': {signOuts: true, outages: true, freezes: true, pagesGo: true, weight: 0.5},
  'users who sign out, and an app that clears localStorage': {signOuts: true, clearsStorage: true, outages: true, freezes: true, pagesGo: true, weight: 0.5},
  'a host that dies while users sign out, and an app that clears localStorage': {signOuts: true, clearsStorage: true, crashes: true, breaks: true, pagesDie: true, freezes: true, weight: 0.5},
  'a host that dies while users sign out': {signOuts: true, crashes: true, breaks: true, pagesDie: true, freezes: true, weight: 0.5},
  // The library drops some state after a number of ops or in idle times. A long walk shows whether that state is missing later.
  'a long day of dying hosts and broken sessions': {crashes: true, breaks: true, steps: 1000, weight: 0.05}
};
