/** Collection and id of the document that all bindings are tested on: ShareDB's Quill example knows no other. */
export const place = ['examples', 'richtext'] as const;
