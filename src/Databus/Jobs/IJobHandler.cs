namespace Databus.Jobs;

/// <summary>
/// Does what a job asks for. Resolved anew for each start, from a scope that ends with it. A job may start more than
/// once (P5): after a failure, and when the node that ran it died, so what it does must bear being done again.
/// </summary>
/// <typeparam name="TJob">The arguments: a plain record.</typeparam>
/// <typeparam name="TResult">What is kept of a success.</typeparam>
public interface IJobHandler<in TJob, TResult>
{
    /// <summary>
    /// Ends when the job is done. What it throws is a failure, tried again as <see cref="JobOptions{TJob}.RetryPolicy"/>
    /// says.
    /// </summary>
    /// <param name="cancellationToken">
    /// The job shall stop: somebody asked for it, its time limit is over, or the node stops or may have lost it.
    /// <see cref="OperationCanceledException"/> is the answer.
    /// </param>
    Task<TResult> HandleAsync(TJob job, JobContext context, CancellationToken cancellationToken);
}
