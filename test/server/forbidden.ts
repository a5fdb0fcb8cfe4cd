/** The tests' server rejects an op that contains this text, with the code below. */
export const forbiddenWord = 'FORBIDDEN';
export const forbiddenCode = 'ERR_FORBIDDEN_WORD';
