import {SharedRecord} from 'sharedb-tabs/collections';
import type {ProxyConnection} from 'sharedb-tabs';

export interface Settings {
  theme: 'light' | 'dark';
  fontSize: number;
  experiments?: Record<string, boolean>;
}

const DEFAULTS: Settings = {theme: 'light', fontSize: 14};

/** Settings that apply in all tabs as soon as one tab changes them. */
export async function openSettings(connection: ProxyConnection, apply: (settings: Settings) => void): Promise<SharedRecord<Settings>> {
  const settings = await SharedRecord.open<Settings>(connection, 'settings', {initial: DEFAULTS});
  apply(settings.toObject());
  settings.on(() => apply(settings.toObject()));
  return settings;
}
