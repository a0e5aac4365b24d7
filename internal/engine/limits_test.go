package engine

import "testing"

func TestRoomOn(t *testing.T) {
	for _, c := range []struct{ free, size, want int64 }{
		{100e9, 250e9, 1e9}, {5e9, 10e9, 500e6}, {200e6, 10e9, 100e6}, {0, 10e9, 0},
	} {
		if got := RoomOn(c.free, c.size); got != c.want {
			t.Errorf("%d free of %d: %d are kept, want %d", c.free, c.size, got, c.want)
		}
	}
}

func TestOrDefault(t *testing.T) {
	for _, c := range []struct{ given, want Limits }{
		{Limits{}, Limits{Memory: 4e9, Processes: 1024, Disk: 10e9}},
		{Limits{Memory: -1, Processes: 20, Disk: -1}, Limits{Memory: -1, Processes: 20, Disk: -1}},
	} {
		if got := c.given.OrDefault(8e9, 2); got != c.want {
			t.Errorf("%+v: got %+v, want %+v", c.given, got, c.want)
		}
	}
	if got := (Limits{}).OrDefault(8e9, 64).Processes; got != 4096 {
		t.Errorf("%d processes on 64 cores", got)
	}
}
