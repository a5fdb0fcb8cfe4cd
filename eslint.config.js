import tseslint from 'typescript-eslint';

export default tseslint.config(
  {ignores: ['dist', 'build', 'node_modules']},
  ...tseslint.configs.recommended,
  {
    rules: {
      'eqeqeq': ['error', 'always', {null: 'ignore'}],
      'no-console': 'error',
      'prefer-const': 'error',
      '@typescript-eslint/consistent-type-imports': ['error', {disallowTypeAnnotations: false}],
      // ShareDB's API carries values of any shape; what travels between our own rooms is typed.
      '@typescript-eslint/no-explicit-any': 'off',
      '@typescript-eslint/no-non-null-assertion': 'off',
      '@typescript-eslint/no-unused-vars': ['error', {argsIgnorePattern: '^_', varsIgnorePattern: '^_'}]
    }
  },
  {files: ['examples/**', 'test/**', 'karma.conf.js'], rules: {'no-console': 'off', '@typescript-eslint/no-unused-expressions': 'off', '@typescript-eslint/no-require-imports': 'off'}}
);
