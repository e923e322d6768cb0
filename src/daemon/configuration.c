#include "daemon/configuration.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "io/file.h"
#include "io/host.h"
#include "kube/kubeconfig.h"
#include "model/settings.h"
#include "util/log.h"
#include "util/mem.h"
#include "util/str.h"

/* The host of "https://HOST[:PORT][/PATH]", brackets of IPv6 included. The caller frees. */
static char *
host_of(const char *url)
{
	const char *host = strstr(url, "://"), *end;

	host = host ? host + strlen("://") : url;
	end = *host == '[' ? strchr(host, ']') : NULL;
	return xstrndup(host, end ? (size_t)(end + 1 - host) : strcspn(host, ":/"));
}

static void
check_server(const struct settings *settings, const struct kubeconfig *kubeconfig,
    struct config_report *report)
{
	char *host = host_of(kubeconfig->server);
	const struct settings_pool *pool = config_check_server(settings, host);

	if (pool)
		config_report_add(report, CONFIG_ERROR, settings->kubernetes.kubeconfig, "",
		    "the API server's address %s is inside pool \"%s\": after a power cut no address could ever be given; "
		    "exclude it from the pool",
		    host, pool->name);
	free(host);
}

/* "PATH:LINE: what" lines as messages of the report. */
static void
add_lines(struct config_report *report, const char *path, const char *lines)
{
	while (*lines) {
		size_t len = strcspn(lines, "\n"), prefix = strlen(path) + 1;
		char *line = xstrndup(lines, len);
		const char *what = str_has_prefix(line, path) && line[prefix - 1] == ':'
		    ? line + prefix
		    : line;

		config_report_add(report, CONFIG_ERROR, path, "", "%s%s",
		    *what >= '0' && *what <= '9' ? "line " : "", what);
		free(line);
		lines += len + (lines[len] == '\n');
	}
}

static void
check_kubeconfig(const struct settings *settings, struct config_report *report)
{
	const struct settings_kubernetes *k = &settings->kubernetes;
	struct strbuf lines = {0};
	struct kubeconfig *kubeconfig;
	char *text;
	size_t len;
	int err = file_read(k->kubeconfig, FILE_MAX_KUBECONFIG_BYTES, &text, &len);

	if (err) {
		config_report_add(report, CONFIG_WARNING, k->kubeconfig, "",
		    "%s: no API server can be asked until this kubeconfig is there",
		    strerror(-err));
		return;
	}
	if (kubeconfig_parse(text, len, k->kubeconfig, k->context, &kubeconfig, &lines)) {
		add_lines(report, k->kubeconfig, strbuf_text(&lines));
	} else {
		check_server(settings, kubeconfig, report);
		kubeconfig_free(kubeconfig);
	}
	strbuf_free(&lines);
	explicit_bzero(text, len);
	free(text);
}

int
configuration_load(const char *path, struct settings **ret_settings, struct config_report *report)
{
	char hostname[HOST_NAME_SIZE] = "";
	struct config_environment environment = {hostname};
	struct settings *settings;
	int err;

	(void)host_name(hostname);
	err = config_load(path, &environment, &settings, report);
	if (err)
		return err;
	config_not_yet(settings, report);
	if (!settings->kubernetes.servers.count)
		check_kubeconfig(settings, report);
	if (report->n_errors) {
		settings_free(settings);
		return -EINVAL;
	}
	*ret_settings = settings;
	return 0;
}

static void
each_line(const struct config_report *report,
    void (*each)(void *arg, const struct config_message *message, const char *line), void *arg)
{
	struct strbuf line = {0};
	size_t i;

	for (i = 0; i < report->n_messages; i++) {
		strbuf_clear(&line);
		config_message_format(&report->messages[i], &line);
		each(arg, &report->messages[i], strbuf_text(&line));
	}
	strbuf_free(&line);
}

static void
print_line(void *arg, const struct config_message *message, const char *line)
{
	(void)message;
	(void)fprintf(arg, "%s\n", line);
}

void
configuration_print(FILE *out, const struct config_report *report)
{
	each_line(report, print_line, out);
}

static void
log_message(void *arg, const struct config_message *message, const char *line)
{
	(void)arg;
	log_line(message->severity == CONFIG_ERROR ? LOG_LEVEL_ERR : LOG_LEVEL_WARNING, NULL, 0,
	    "config %s", line);
}

void
configuration_log(const struct config_report *report)
{
	each_line(report, log_message, NULL);
}
