namespace Databus.Jobs;

/// <summary>
/// Stands around every start of a job on this node, in the order of registration: the first one is the outermost. What it
/// throws is a failure of the job; where it does not go on, the job has succeeded without a result.
/// </summary>
/// <param name="next">Goes on to the next one, in the end to the handler. Called once at most.</param>
public delegate Task JobMiddleware(JobContext context, Func<Task> next);
