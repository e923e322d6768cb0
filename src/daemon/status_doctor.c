#include "daemon/status_doctor.h"

#include <json-c/json.h>

#include "daemon/daemon.h"
#include "daemon/facts.h"
#include "doctor/doctor.h"
#include "kube/json.h"
#include "model/settings.h"
#include "util/mem.h"

struct json_object *
status_doctor(const struct daemon *daemon)
{
	json_object *object = json_object_new_object(), *list;
	struct arena *arena = arena_new();
	struct doctor_facts facts;
	struct doctor_report *report;
	size_t i;

	facts_gather(daemon, arena, &facts);
	report = doctor_judge(&facts);
	kube_json_put_string(object, "node", daemon->settings->node.name);
	kube_json_put_int(object, "checks", (int64_t)report->n_checks);
	kube_json_put_int(object, "errors", (int64_t)report->counts[DOCTOR_ERROR]);
	kube_json_put_int(object, "warnings", (int64_t)report->counts[DOCTOR_WARNING]);
	kube_json_put_int(object, "notices", (int64_t)report->counts[DOCTOR_NOTICE]);
	list = kube_json_put_array(object, "findings");
	for (i = 0; i < report->n_findings; i++) {
		const struct doctor_finding *finding = &report->findings[i];
		json_object *item = kube_json_append_object(list);

		kube_json_put_string(item, "severity", doctor_severity_str(finding->severity));
		kube_json_put_string(item, "check", finding->check);
		kube_json_put_string(item, "what", finding->what);
		kube_json_put_string(item, "remedy", finding->remedy);
	}
	doctor_report_free(report);
	arena_free(arena);
	return object;
}
