/** Dynamic imports of the code that most tabs never run: hosts in a tab, and the diagnosis of a failed worker. */
export const hostCode = {
  electedTab: () => import('./elected-tab-host.js'),
  page: () => import('./page-code.js'),
  workerDiagnosis: () => import('./worker-diagnosis.js')
};
