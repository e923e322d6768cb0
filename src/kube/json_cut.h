/*
 * json_cut: takes metadata.managedFields out of a text before it is parsed. The server's record of
 * who set which field is often the larger part of an object, nothing here reads it, and each field
 * in it would be an object of its own on the heap.
 */
#ifndef KUBE_JSON_CUT_H
#define KUBE_JSON_CUT_H

#include <stdbool.h>
#include <stddef.h>

struct strbuf;

/*
 * Appends `text` with every array that is the value of a member "managedFields", at any depth,
 * replaced by []. False when there is none: then nothing is appended, and the caller parses the
 * text as it is.
 *
 * What stays is as good or as bad JSON as it was: only whole arrays go, from bracket to bracket,
 * and a text in which one does not end stays whole. Inside of what goes nothing is judged but
 * strings and the nesting of brackets.
 */
bool kube_json_cut(struct strbuf *sb, const char *text, size_t len);

#endif
