export const close = () => {
  self.close();
  return new Promise(() => {});
};
