using Microsoft.AspNetCore.Http;

namespace Databus.AspNetCore;

/// <summary>Which addresses hold data and which are the page's.</summary>
internal static class Paths
{
    private static readonly PathString[] Api = ["/add", "/fetch", "/api", "/openapi"];

    /// <summary>What answers data: it needs access, and no browser renders it.</summary>
    public static bool IsApi(PathString path)
    {
        foreach (var prefix in Api)
        {
            if (path.StartsWithSegments(prefix, StringComparison.OrdinalIgnoreCase))
                return true;
        }

        return false;
    }
}
