// Error codes: the last one, names and descriptions.

#include <algorithm>
#include <iterator>

#include "emulator/runtime/device.h"

using namespace lq::emulator;

namespace {

struct ErrorText {
  int code;
  const char* name;
  const char* description;
};

constexpr ErrorText texts[] = {
    {success, "cudaSuccess", "no error"},
    {invalid_value, "cudaErrorInvalidValue", "invalid argument"},
    {memory_allocation, "cudaErrorMemoryAllocation", "out of memory"},
    {invalid_configuration, "cudaErrorInvalidConfiguration", "invalid configuration argument"},
    {invalid_pitch_value, "cudaErrorInvalidPitchValue", "invalid pitch argument"},
    {invalid_symbol, "cudaErrorInvalidSymbol", "invalid device symbol"},
    {invalid_device_function, "cudaErrorInvalidDeviceFunction", "invalid device function"},
    {invalid_device, "cudaErrorInvalidDevice", "invalid device ordinal"},
    {no_kernel_image, "cudaErrorNoKernelImageForDevice",
     "no kernel image is available for execution on the device"},
    {invalid_resource_handle, "cudaErrorInvalidResourceHandle", "invalid resource handle"},
    {illegal_state, "cudaErrorIllegalState",
     "the operation cannot be performed in the present state"},
    {not_ready, "cudaErrorNotReady", "device not ready"},
    {launch_out_of_resources, "cudaErrorLaunchOutOfResources",
     "too many resources requested for launch"},
    {launch_failure, "cudaErrorLaunchFailure", "unspecified launch failure"},
    {cooperative_launch_too_large, "cudaErrorCooperativeLaunchTooLarge",
     "too many blocks in cooperative launch"},
    {not_supported, "cudaErrorNotSupported", "operation not supported"},
    {capture_unsupported, "cudaErrorStreamCaptureUnsupported",
     "operation not permitted when stream is capturing"},
    {capture_invalidated, "cudaErrorStreamCaptureInvalidated",
     "operation failed due to a previous error during capture"},
    {capture_merge, "cudaErrorStreamCaptureMerge",
     "operation would result in a merge of separate capture sequences"},
    {capture_unmatched, "cudaErrorStreamCaptureUnmatched",
     "capture was not ended in the same stream as it began"},
    {capture_unjoined, "cudaErrorStreamCaptureUnjoined", "capturing stream has unjoined work"},
    {capture_isolation, "cudaErrorStreamCaptureIsolation",
     "dependency created on uncaptured work in another stream"},
    {capture_implicit, "cudaErrorStreamCaptureImplicit",
     "operation would make the legacy stream depend on a capturing blocking stream"},
    {captured_event, "cudaErrorCapturedEvent",
     "operation not permitted on an event last recorded in a capturing stream"},
    {capture_wrong_thread, "cudaErrorStreamCaptureWrongThread",
     "attempt to terminate a thread-local capture sequence from another thread"},
    {graph_update_failure, "cudaErrorGraphExecUpdateFailure",
     "the graph update was not performed because it included changes which violated constraints "
     "specific to instantiated graph update"},
    {invalid_cluster_size, "cudaErrorInvalidClusterSize", "cluster misconfiguration"},
};

const ErrorText* find_text(int code) {
  const auto* const found = std::find_if(std::begin(texts), std::end(texts),
                                         [&](const ErrorText& text) { return text.code == code; });
  return found == std::end(texts) ? nullptr : found;
}

}  // namespace

LQNET_CUDA_API const char* cudaGetErrorName(int code) {
  const ErrorText* const text = find_text(code);
  return text == nullptr ? "unrecognized error code" : text->name;
}
LQNET_CUDA_API const char* cudaGetErrorString(int code) {
  const ErrorText* const text = find_text(code);
  return text == nullptr ? "unrecognized error code" : text->description;
}
LQNET_CUDA_API int cudaGetLastError() { return Device::instance().last_error(true); }
LQNET_CUDA_API int cudaPeekAtLastError() { return Device::instance().last_error(false); }
