/*
 * names: the forms that names, labels and addresses must have, and the server's words for what they
 * must be.
 */
#ifndef KUBESIM_NAMES_H
#define KUBESIM_NAMES_H

#include <stdbool.h>

enum name_rule {
	NAME_SUBDOMAIN,  /* RFC 1123 subdomain: leases, nodes, most others */
	NAME_LABEL,      /* RFC 1123 label: namespaces */
	NAME_LABEL_1035, /* RFC 1035 label: services */
	NAME_RULE_COUNT,
};

bool name_is_valid(enum name_rule rule, const char *name);
const char *name_rule_text(enum name_rule rule);

/* Keys of labels and annotations: [PREFIX/]NAME. */
bool name_is_qualified(const char *key);
const char *name_qualified_text(void);
bool name_is_label_value(const char *value);
const char *name_label_value_text(void);

/* AF_INET, AF_INET6, or 0 when s is no address. */
int name_ip_family(const char *s);

#endif
