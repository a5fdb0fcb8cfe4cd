/** The code of a host, and of its troubles, which most tabs never run: loaded on demand, and before that while a tab is idle. */
export const hostCode = {
  electedTab: () => import('./elected-tab-host.js'),
  page: () => import('./page-host.js'),
  workerDiagnosis: () => import('./worker-diagnosis.js')
};
