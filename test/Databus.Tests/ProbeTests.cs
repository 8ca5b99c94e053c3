namespace Databus.Tests;
public class ProbeTests { [Fact] public void One() => Assert.Equal(1, int.Parse("1")); }
