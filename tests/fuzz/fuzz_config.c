/*
 * metallb.conf from memory: what is accepted prints, and what is printed is accepted and prints the
 * same; what is refused says why.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "config/config.h"
#include "model/settings.h"
#include "util/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const struct config_environment environment = {.hostname = "n1"};
	struct config_report report = {0}, later = {0};
	struct settings *settings = NULL, *again = NULL;
	struct config_diff diff;
	char *printed, *printed_again;

	if (config_load_text("f", (const char *)data, size, &environment, &settings, &report)) {
		assert(report.n_errors && report.n_messages && !settings);
		config_report_fini(&report);
		return 0;
	}
	assert(!report.n_errors);
	printed = config_print(settings);
	assert(config_load_text("p", printed, strlen(printed), &environment, &again, &report) == 0);
	printed_again = config_print(again);
	assert(str_eq(printed, printed_again));
	assert(settings->shared_hash == again->shared_hash);
	config_diff(settings, again, &diff);
	config_diff_fini(&diff);
	config_not_yet(settings, &later);
	config_report_fini(&later);
	config_report_fini(&report);
	settings_free(settings);
	settings_free(again);
	free(printed);
	free(printed_again);
	return 0;
}
