/* The body of a healthCheckNodePort: any program may answer there. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "kube/endpoints.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct endpoints_report report;

	if (kube_endpoints_decode(data, size, &report)) {
		assert(size <= KUBE_ENDPOINTS_MAX_BYTES);
		assert(report.local <= ENDPOINTS_LOCAL_MAX);
		assert(memchr(report.namespace, '\0', sizeof(report.namespace)));
		assert(memchr(report.name, '\0', sizeof(report.name)));
	}
	return 0;
}
