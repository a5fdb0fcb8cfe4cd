/** An op that contains this text is rejected by the tests' server, with the code that follows. */
export const forbiddenWord = 'FORBIDDEN';
export const forbiddenCode = 'ERR_FORBIDDEN_WORD';
