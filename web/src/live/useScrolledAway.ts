import { useEffect, useState, type RefObject } from 'react';

/** Whether the reader has scrolled so far that the top of the list lies under what covers it. */
export function useScrolledAway(top: RefObject<HTMLElement | null>, cover: RefObject<HTMLElement | null>): boolean {
  const [away, setAway] = useState(false);
  useEffect(() => {
    const look = () => {
      if (!top.current || !cover.current) return;
      setAway(top.current.getBoundingClientRect().top < cover.current.getBoundingClientRect().bottom - toleratedPixels);
    };
    window.addEventListener('scroll', look, { passive: true });
    window.addEventListener('resize', look);
    return () => {
      window.removeEventListener('scroll', look);
      window.removeEventListener('resize', look);
    };
  }, [top, cover]);
  return away;
}

const toleratedPixels = 24;
