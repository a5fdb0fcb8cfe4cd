/** The code of a host, and for its failures. Most tabs never run it: it is loaded on demand, or in advance while a tab is idle. */
export const hostCode = {
  electedTab: () => import('./elected-tab-host.js'),
  page: () => import('./page-code.js'),
  workerDiagnosis: () => import('./worker-diagnosis.js')
};
