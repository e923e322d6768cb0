/*
 * metallbd: options, then one loop. Exit status: 0 ended by a signal or the check passed; 1
 * configuration or start failed; 2 usage.
 */
#include "config.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/configuration.h"
#include "daemon/daemon.h"
#include "io/log_sink.h"
#include "io/loop.h"
#include "model/settings.h"
#include "util/log.h"

#define DEFAULT_PATH SYSCONFDIR "/metallb.conf"

enum {
	EXIT_OK,
	EXIT_FAILED,
	EXIT_USAGE
};
enum mode {
	MODE_RUN,
	MODE_CHECK,
	MODE_PRINT
};

static void
usage(FILE *out)
{
	(void)fprintf(out,
	    "usage: metallbd [-d] [-f FILE]\n"
	    "       metallbd -t | -T [-f FILE]\n"
	    "  -d       log every decision\n"
	    "  -f FILE  the configuration [" DEFAULT_PATH "]\n"
	    "  -t       check the configuration and exit: 0 good, 1 errors\n"
	    "  -T       check it and print its canonical form with all defaults\n"
	    "  -h, -V   help, version\n");
}

/* -t and -T */
static int
check(const char *path, enum mode mode)
{
	struct config_report report = {0};
	struct settings *settings;
	int err = configuration_load(path, &settings, &report);

	configuration_print(stderr, &report);
	config_report_fini(&report);
	if (err)
		return EXIT_FAILED;
	if (mode == MODE_PRINT) {
		char *text = config_print(settings);

		(void)fputs(text, stdout);
		free(text);
	} else {
		(void)printf("%s: good\n", path);
	}
	settings_free(settings);
	return fflush(stdout) ? EXIT_FAILED : EXIT_OK;
}

static int
run(struct daemon *daemon)
{
	struct config_report report = {0};
	struct settings *settings;
	int err;

	(void)log_sink_open("metallbd");
	if (daemon->debug)
		log_set_level(LOG_LEVEL_DEBUG);
	err = configuration_load(daemon->path, &settings, &report);
	configuration_log(&report);
	if (err)
		log_err("start refused: %zu errors in %s; metallbd -t checks the file",
		    report.n_errors, daemon->path);
	daemon->loaded = report;
	if (err) {
		config_report_fini(&daemon->loaded);
		return EXIT_FAILED;
	}
	if (!daemon->debug)
		log_set_level(settings->log_level);
	err = loop_new(&daemon->loop);
	if (err) {
		log_err("event loop: %s", strerror(-err));
		config_report_fini(&daemon->loaded);
		settings_free(settings);
		return EXIT_FAILED;
	}
	err = daemon_start(daemon, settings);
	if (!err)
		err = loop_run(daemon->loop);
	daemon_free(daemon);
	loop_free(daemon->loop);
	return err ? EXIT_FAILED : EXIT_OK;
}

int
main(int argc, char **argv)
{
	struct daemon daemon = {0};
	const char *path = DEFAULT_PATH;
	enum mode mode = MODE_RUN;
	int opt;

	while ((opt = getopt(argc, argv, "df:htTV")) != -1) {
		switch (opt) {
		case 'd':
			daemon.debug = true;
			break;
		case 'f':
			path = optarg;
			break;
		case 'h':
			usage(stdout);
			return EXIT_OK;
		case 't':
			mode = MODE_CHECK;
			break;
		case 'T':
			mode = MODE_PRINT;
			break;
		case 'V':
			(void)printf("metallbd %s\n", PACKAGE_VERSION);
			return EXIT_OK;
		default:
			usage(stderr);
			return EXIT_USAGE;
		}
	}
	if (optind != argc) {
		usage(stderr);
		return EXIT_USAGE;
	}
	if (mode != MODE_RUN)
		return check(path, mode);
	daemon.path = path;
	return run(&daemon);
}
