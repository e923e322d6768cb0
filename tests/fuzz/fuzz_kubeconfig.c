/* A kubeconfig: whatever it holds, it is accepted, or refused with words that fit in a log. */
#include <assert.h>
#include <string.h>

#include "kube/kubeconfig.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct strbuf errors = {0};
	struct kubeconfig *config;
	size_t i;

	if (kubeconfig_parse((const char *)data, size, "/d/f", "", &config, &errors)) {
		assert(errors.len && errors.text[errors.len - 1] == '\n');
		assert(str_has_prefix(errors.text, "/d/f:"));
		for (i = 0; i < errors.len; i++)
			assert((unsigned char)errors.text[i] >= ' ' || errors.text[i] == '\n');
	} else {
		assert(!errors.len);
		assert(str_has_prefix(config->server, "http"));
		assert(*config->context);
		for (i = 0; i < config->n_warnings; i++)
			assert(str_has_prefix(config->warnings[i], "/d/f:"));
		kubeconfig_free(config);
	}
	strbuf_free(&errors);
	return 0;
}
