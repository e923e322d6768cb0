#include "convert/judge.h"

#include "config/config.h"
#include "model/settings.h"

void
judge(void *arg, const char *text, size_t len, struct convert_faults *faults)
{
	/* Any machine has a name; which one makes no difference to what is converted. */
	const struct config_environment environment = {.hostname = "node"};
	struct config_report report = {0};
	struct settings *settings = NULL;
	size_t i;

	(void)arg;
	(void)config_load_text(CONVERT_NAME, text, len, &environment, &settings, &report);
	for (i = 0; i < report.n_messages; i++)
		if (report.messages[i].severity == CONFIG_ERROR)
			convert_fault(faults, report.messages[i].key, report.messages[i].reason);
	settings_free(settings);
	config_report_fini(&report);
}
