/*
 * base64: what Kubernetes puts bytes into JSON with (RFC 4648 section 4).
 */
#ifndef UTIL_BASE64_H
#define UTIL_BASE64_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Bytes that a text of `len` characters can stand for at most. */
#define BASE64_DECODED_MAX(len) ((len) / 4 * 3 + 3)

/* With padding; white space between is skipped. out takes BASE64_DECODED_MAX(strlen(s)) bytes.
 * False: not base64, or empty. */
bool base64_decode(const char *s, uint8_t *out, size_t *ret_len);

#endif
