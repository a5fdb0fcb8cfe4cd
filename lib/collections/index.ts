export {SharedArray} from './shared-array.js';
export {SharedMap} from './shared-map.js';
export {SharedQueue, type Lease, type QueueOptions, type TxQueue, type WaitOptions} from './shared-queue.js';
export {SharedRecord} from './shared-record.js';
export {getTransactionId, isInTransaction, readTransaction, transaction, type ReadOptions, type TransactionOptions} from './transaction.js';
export type {NotInTransactions, Transaction, TransactionOutcome, Tx, TxArray, TxDoc, TxMap, TxRecord} from './run.js';
export type {
  ArrayChangeEvent, ChangeEvent, Codec, CollectionOptions, Json, Key, Limits, MapChangeEvent, MapOptions, Readonly_, RecordChangeEvent, RecordOptions, Shared,
  WatchOptions
} from './types.js';
